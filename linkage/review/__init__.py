"""The officer's review: what nights could not decide, by commune, decided by people, and given back as verdicts.

It stands on what nights published and on a store of its own, and never opens an input. Its packages are an extra:
``pip install 'dose-linkage[review]'``. docs/review.md tells the rest.
"""

"""The state of the nights: what is known of every dose and claim, and what of it is in force."""

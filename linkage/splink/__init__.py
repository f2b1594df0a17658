"""Models to and from the settings JSON of Splink 5 (https://github.com/moj-analytical-services/splink), which stays
unimported: its format is all that is shared."""

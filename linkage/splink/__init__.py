"""Models to and from the settings JSON of Splink 5 (https://github.com/moj-analytical-services/splink), of which the
format is all that is shared; only the check of a model runs Splink itself."""

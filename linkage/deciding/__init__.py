"""From ranked candidates to decisions, what else speaks for or against them, and how often they are wrong."""

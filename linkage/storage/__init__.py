"""Files and folders that are whole or are told not to be: sums, seals, locks, work folders."""

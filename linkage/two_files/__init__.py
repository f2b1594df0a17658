"""Links any two files with a plan of their own, or a file with itself."""

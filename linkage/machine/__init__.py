"""What the machine gives: memory, threads, scratch files, the clock, compiled code; and whether it is enough."""

"""Links vaccination doses with the national population registry: tables, people and time."""

"""One night on top of the state: what is new is taken, what that touches decided again, the difference published."""

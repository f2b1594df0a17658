"""Values in what people read: in a cell, counted with a noun, masked."""

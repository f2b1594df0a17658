"""What is published: folders that appear whole, their tables, and the one reader of them."""

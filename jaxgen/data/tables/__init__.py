"""Tables: the cells of a file, columns of numbers and of categories, and rows as examples."""

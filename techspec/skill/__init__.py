"""Skills: the pages in a registry that campaigns taught. Reading is lenient, writing strict."""

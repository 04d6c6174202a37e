"""One verb, one file: it reads its arguments, makes one call of the engine and prints."""

"""What people look at, read from bus and index: what the command line prints and the console shows is read here, once. Writes nothing."""

"""Scripts that write the generated files of the repository anew (`make docs`)."""

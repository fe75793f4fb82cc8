"""Making a data folder and keeping it in order: rights, certificates, the first room."""

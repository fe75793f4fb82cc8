"""Creates and checks the data folder: permissions, certificates, the first room."""

"""Creates and checks the data folder: permissions, certificates, what a program begins with."""

"""Who we are and whom we know: this device and its keys, the key log, pinned keys, enrolment and recovery."""

"""Who we are and whom we know: this device's keys, the key log, pinned keys, enrolment and recovery."""

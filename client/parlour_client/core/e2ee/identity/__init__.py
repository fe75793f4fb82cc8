"""This account's identity and others': device keys, the key log, pinned keys, enrolment and recovery."""

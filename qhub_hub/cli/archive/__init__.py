"""What a backup holds, how it is written, and how it is read with suspicion."""

"""Ways to sign in, a file each."""

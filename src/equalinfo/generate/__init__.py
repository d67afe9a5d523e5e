"""What an M2 does with text: continues it, and scores bytes."""

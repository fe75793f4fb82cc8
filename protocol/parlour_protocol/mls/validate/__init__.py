"""What is refused: the rules of RFC 9420, and the policy of the application."""

"""What a plugin must pass, and stand-ins to pass it with."""

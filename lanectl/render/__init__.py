"""What a command found out, made readable: sentences for people, one versioned object for programs."""

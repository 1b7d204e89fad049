"""What a request comes to before anything is written: inheritance, checks, look-ups."""

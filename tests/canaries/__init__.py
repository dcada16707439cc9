"""Nothing secret or personal gets into what operators keep: marked values are looked for there."""

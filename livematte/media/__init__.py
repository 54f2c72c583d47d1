"""Files: photos, videos and sound, and their names."""

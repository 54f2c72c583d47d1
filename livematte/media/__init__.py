"""What concerns media files as such."""

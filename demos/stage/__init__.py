"""What makes a tab stageable: state and link, frame, theme, launch settings, stories, presenter keys, export."""

"""Sound as mu-law codes: folders of wav files, and strings that are plucked by rule."""

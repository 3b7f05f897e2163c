"""Posts for static site generators: `render` makes one from an item and a preset of `presets`."""

"""Charts as SVG: drawn here, styled by the one style sheet, read aloud by their title and description."""

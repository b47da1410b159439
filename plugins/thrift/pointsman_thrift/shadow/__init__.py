"""Shadow evaluation: what another model would have answered, seen by a judge alone, who knows no names."""

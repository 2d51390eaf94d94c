"""Scripts: conversations as data. The shipped ones are the YAML files of this folder."""

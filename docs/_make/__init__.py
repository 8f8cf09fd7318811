"""The pages that code writes: commands, public names, variables of results, the gallery and the tutorials."""

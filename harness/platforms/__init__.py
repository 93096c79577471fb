"""Everything about another platform: Codabench, Kaggle, and the kit that participants start from."""

"""How good the predictions are, beside gradient boosting and among variants."""

"""What training and prediction cost in time and memory."""

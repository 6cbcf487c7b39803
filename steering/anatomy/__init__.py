"""What the model does inside with a request: measured cell by cell, and kept as documents."""

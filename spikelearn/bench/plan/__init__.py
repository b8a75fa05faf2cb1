"""What is compared: plans, the trials that they ask for, and what comes with the package."""

"""What tools and resources answer: views of holds, orders, alternatives; failures in our words."""

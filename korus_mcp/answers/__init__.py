"""Answers that tools and resources share: views of holds, orders, alternatives; refusals."""

"""Qualifications: what a volunteer has shown, and until when it counts."""

"""Mixup distillation: tasks, data, mixup, objectives, students, the trainer and its records."""

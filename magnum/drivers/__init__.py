"""Kinds of bays: what each needs from Heat and puts on its nodes."""

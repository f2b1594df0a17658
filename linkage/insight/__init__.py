"""Looks into what was published: how right it is, why it was decided so, where somebody is, whether it is whole."""

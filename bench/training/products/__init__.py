"""Choose the library that multiplies the matrices of a recorded update, by measurement."""

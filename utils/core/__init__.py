"""The ground floor: in go plain values, out come files, progress, devices and statistics."""

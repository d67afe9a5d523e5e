"""Figures as data, drawn by matplotlib for files and by Plotly for pages."""

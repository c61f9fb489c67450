//! The record of evidence of a border, and its replay

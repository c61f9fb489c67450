//! The border: reads every VN's FIB, votes prefix by prefix, and steers.

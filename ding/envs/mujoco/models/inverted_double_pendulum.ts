/** A cart on a rail with two poles in a row; the site "tip" is the upper end. Gravity has the published slight pull along x. */
export const INVERTED_DOUBLE_PENDULUM = `
<mujoco model="inverted_double_pendulum">
  <compiler angle="radian"/>
  <option timestep="0.01" gravity="1e-5 0 -9.81" integrator="RK4"/>
  <default>
    <joint damping="0.05"/>
    <geom contype="0" friction="1 0.1 0.1"/>
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="40 40 40" pos="0 0 -3"/>
    <geom name="rail" type="capsule" fromto="1 0 0 -1 0 0" size="0.02"/>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0" range="-1 1" margin="0.01"/>
      <geom name="cart" type="capsule" fromto="0.1 0 0 -0.1 0 0" size="0.1"/>
      <body name="pole">
        <joint name="hinge" axis="0 1 0"/>
        <geom name="cpole" type="capsule" fromto="0 0 0 0 0 0.6" size="0.045"/>
        <body name="pole2" pos="0 0 0.6">
          <joint name="hinge2" axis="0 1 0"/>
          <geom name="cpole2" type="capsule" fromto="0 0 0 0 0 0.6" size="0.045"/>
          <site name="tip" pos="0 0 0.6" size="0.01"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="slide" joint="slider" gear="500" ctrlrange="-1 1"/>
  </actuator>
</mujoco>
`
